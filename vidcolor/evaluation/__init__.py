"""The measures of quality."""
