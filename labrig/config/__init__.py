"""Text → Document (values, marks, problems) → validated sections. labrig.assembly checks the sections together."""
