"""Software instruments that exchange the same bytes as real ones, so that the real drivers run without hardware."""
