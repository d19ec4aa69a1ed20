"""Tools of the developers; nothing of the library imports them."""
