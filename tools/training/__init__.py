"""Training detectors with ultralytics: data sets without copies, runs that go on, measured and exported."""
