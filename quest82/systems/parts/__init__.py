"""What several systems are built from."""
