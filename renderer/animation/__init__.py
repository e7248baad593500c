"""Motion: numbers in, numbers out; time is a parameter."""
