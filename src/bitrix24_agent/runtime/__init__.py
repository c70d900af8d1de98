"""Where the parts meet: the gateway every call runs through, and the two faces of the toolkit."""
