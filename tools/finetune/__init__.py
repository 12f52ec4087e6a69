"""Fine-tunes a detector on one's own pictures, in COCO or YOLO form, down to a class with twenty of them."""
