"""Search over a user's own checkout of the official documentation; none of it is shipped."""
