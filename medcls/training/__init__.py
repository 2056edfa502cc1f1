"""Teaching a network: one readable loop, and what stands around it."""
