"""In which order the dimensions of images lie in memory."""
