"""The named linalg operations that xDSL lacks, from one table."""
