"""The wire as functions of values: encode a call, read an answer, plan pages. No sockets."""
