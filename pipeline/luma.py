"""How colour becomes grey, everywhere: the luma of ITU-R BT.601, as in Pillow, MATLAB's rgb2gray and FSIM's YIQ."""

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
