"""What the Space is made of, in the order in which a picture passes through it.

    hub, encoder, pictures, embedding, comparison, calibration, page

`app.py` puts these together. A module imports only modules that stand before it.
"""
