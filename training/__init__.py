"""The recipe of the embedded speech checkpoint: data, training, export and evaluation."""
