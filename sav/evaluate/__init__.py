"""How good masks and tracks are beside ground truth: matching, mIoU, precision, recall, HOTA, IDF1, MOTA."""
