"""The stand-in's registration office: certificates for devices (EST, RFC 7030) and credentials for certificates."""
