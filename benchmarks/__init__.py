"""How fast this is: against the published algorithms, other packages, and the machine."""
