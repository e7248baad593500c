"""The drive channel's other end: the platform's IM websocket, with code of the stand-in's own."""
