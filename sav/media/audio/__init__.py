"""The sound of a video on its way into a copy: packet for packet where MP4 can hold it, else as AAC."""
