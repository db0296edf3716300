"""The measuring of an encoder: pictures with known styles become a Calibration."""
