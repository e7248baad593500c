"""The platform's local stand-in: signatures checked from the wire, seats counted, sealed packages served."""
