"""The vendors that make pictures, one module each, behind one port."""
