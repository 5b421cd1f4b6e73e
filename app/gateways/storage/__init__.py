"""存储: where the files of pictures are kept, a folder or a bucket that speaks S3."""
