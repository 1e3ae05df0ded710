import torch

from pellucid.results.gallery import Gallery


def test_images_become_arrays_of_their_own_sizes():
    gallery = Gallery(values=torch.zeros(2), images=(torch.zeros(2, 3), torch.zeros(4, 4, 3)))
    assert [image.shape for image in gallery.images] == [(2, 3), (4, 4, 3)]
    assert not gallery.images[0].flags.writeable
