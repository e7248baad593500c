"""What the operations do, family by family; the table of operations says what they take."""
