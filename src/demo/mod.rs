//! An embedded POP3 server whose maildrops lock: the demo's backend and the tests' double.
