"""What one gains: this project beside what one would use instead. `make bench` runs it."""
