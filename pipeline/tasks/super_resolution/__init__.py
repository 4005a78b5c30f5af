"""Making small pictures large: RCAN, EDSR and SAN, with or without a teacher."""
