"""Other people's calling conventions, each brought to a `Subject`; one file a convention."""
