"""The check of a deployed page, as `make verify SPACE=...` runs it: is what runs there what stands here?"""
