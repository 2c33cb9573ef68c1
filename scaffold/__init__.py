"""The commands of who writes code here: slices made and removed, migrations, a server that reloads, psql."""
