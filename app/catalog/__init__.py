"""车型库: brands, series, trims, colours, specifications and their pictures.

A Series has the model page; a Trim carries the guide price 厂商指导价. A row that disappears from the workbook
is withdrawn from sale, never deleted. Called by every room that shows or sells a car.
"""
