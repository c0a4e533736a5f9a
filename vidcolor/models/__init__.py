"""Every model behind one contract (`base.py`); `registry.py` lists them."""
