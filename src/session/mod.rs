//! One client's connection from greeting to end.
