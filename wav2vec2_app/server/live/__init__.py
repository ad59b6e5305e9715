"""Live captions: speech that goes on, heard again and again until its words stand."""
