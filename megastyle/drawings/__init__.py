"""The pictures that are drawn in code: scenes, styles, and the page's example sets."""
