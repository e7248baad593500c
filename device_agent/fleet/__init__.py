"""What headquarters does for its fleet: signs, and gives back the seats of devices that cannot do it themselves."""
