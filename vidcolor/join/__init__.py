"""The last step: finished units become the film, with everything else of the source."""
