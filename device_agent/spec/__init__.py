"""The platform's operations as data: typed requests and results, and the one table everything else is made from."""
