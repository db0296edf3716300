"""Pictures that are drawn in code: the page's examples, and the tiny encoder that learns from them for the demo."""
