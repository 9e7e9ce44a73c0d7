"""The one printer for C-family dialects: C, OpenCL C, CUDA C, and third parties'."""
