"""Compressed buffer views: EXT_meshopt_compression, decoded with numpy."""
