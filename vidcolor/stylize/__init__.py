"""`vidcolor stylize`: a picture or a film in colour takes over the colours of others."""
