"""ONNX files: read, brought to what the converter knows, converted and compared."""
