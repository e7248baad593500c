"""The process on the kiosk: keeps the device bound, licensed and supplied, and says how it is."""
