"""The page in the browser: a thin room over the segmenter, the runs, the formats and the drawing."""
