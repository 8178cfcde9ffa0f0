"""Configuration: text → Document (values, marks, problems) → validated sections. Checks across sections: labrig.assembly."""
