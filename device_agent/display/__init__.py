"""The screen of a kiosk: never black, and always what the device's state on disk asks for."""
