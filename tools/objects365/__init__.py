"""Objects365 v2: prepared, trained on, evaluated and exported, each by one command."""
