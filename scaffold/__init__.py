"""Makes and removes slices: what stands in CONTRIBUTING.md under "Adding a slice", done by a program."""
