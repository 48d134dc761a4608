"""Models compared on equal terms, recorded, and reported."""
